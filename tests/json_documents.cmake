# The JSON documents: their schemas, and tests that need more than cmocka.
foreach(test json hostile_json)
  target_link_libraries(test_${test} PRIVATE PkgConfig::jansson)
endforeach()

add_executable(write_samples tools/write_samples.c)
target_link_libraries(write_samples PRIVATE rankkv_flags ${support})
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  add_test(NAME schema COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/check_schema.py
    $<TARGET_FILE:write_samples> ${PROJECT_SOURCE_DIR}/share/rankkv/schema)
  set_tests_properties(schema PROPERTIES SKIP_RETURN_CODE 77)
endif()
