# Tests that are scripts.

# These look at the sources and the installed tree, which the sanitizers do not change.
if(NOT RANKKV_SANITIZE)
  add_test(NAME fetch_model COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_fetch_model.sh ${PROJECT_SOURCE_DIR})
  add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_install.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endif()
include(${CMAKE_CURRENT_SOURCE_DIR}/json_documents.cmake)
include(${CMAKE_CURRENT_SOURCE_DIR}/cli.cmake)
include(${CMAKE_CURRENT_SOURCE_DIR}/trace_readers.cmake)
add_test(NAME layers COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/check_layers.py ${PROJECT_SOURCE_DIR})
