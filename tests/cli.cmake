# The tests of the command line: Python's unittest, on the built program and the tiny model.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(part golden faults analyze device run charts bench bench_model probe eval report)
  add_test(NAME cli_${part} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/cli/test_${part}.py)
  set_tests_properties(cli_${part} PROPERTIES TIMEOUT 600 ENVIRONMENT
    "RANKKV_PROGRAM=$<TARGET_FILE:rankkv_cli>;RANKKV_MAKE_TINY_MODEL=$<TARGET_FILE:make_tiny_model>;PYTHONDONTWRITEBYTECODE=1")
endforeach()

# Parts of the program that are tested by themselves.
target_sources(test_bench_figures PRIVATE ${PROJECT_SOURCE_DIR}/cli/bench_figures.c ${PROJECT_SOURCE_DIR}/cli/bench_sample.c
  ${PROJECT_SOURCE_DIR}/cli/json.c ${PROJECT_SOURCE_DIR}/cli/utf8.c)
