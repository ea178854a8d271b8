# Tests that are scripts.

# These look at the sources and the installed tree, which the sanitizers do not change.
if(NOT RANKKV_SANITIZE)
  add_test(NAME fetch_model COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_fetch_model.sh ${PROJECT_SOURCE_DIR})
  add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_install.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endif()
include(${CMAKE_CURRENT_SOURCE_DIR}/json_documents.cmake)
include(${CMAKE_CURRENT_SOURCE_DIR}/cli.cmake)
include(${CMAKE_CURRENT_SOURCE_DIR}/trace_readers.cmake)
include(${CMAKE_CURRENT_SOURCE_DIR}/browser.cmake)
add_test(NAME layers COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/check_layers.py ${PROJECT_SOURCE_DIR})

# The example programs, public headers only: compiled, and run on the tiny model.
add_executable(example_compress ${PROJECT_SOURCE_DIR}/examples/compress.c)
target_link_libraries(example_compress PRIVATE RankKV::rankkv)
add_test(NAME tiny_model_file COMMAND make_tiny_model tiny.gguf)
set_tests_properties(tiny_model_file PROPERTIES FIXTURES_SETUP tiny_model_file)
add_test(NAME example_compress COMMAND example_compress tiny.gguf "A text of some tokens" streaming-llm+int8 8)
set_tests_properties(example_compress PROPERTIES FIXTURES_REQUIRED tiny_model_file)

foreach(test browser install cli_analyze cli_bench_model cli_eval cli_run)
  if(TEST ${test})
    set_tests_properties(${test} PROPERTIES COST 60)
  endif()
endforeach()
