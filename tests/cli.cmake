# The tests of the command line: Python's unittest, on the built program and the tiny model.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(part golden faults analyze run bench probe)
  add_test(NAME cli_${part} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/cli/test_${part}.py)
  set_tests_properties(cli_${part} PROPERTIES TIMEOUT 600 ENVIRONMENT
    "RANKKV_PROGRAM=$<TARGET_FILE:rankkv_cli>;RANKKV_MAKE_TINY_MODEL=$<TARGET_FILE:make_tiny_model>;PYTHONDONTWRITEBYTECODE=1")
endforeach()
