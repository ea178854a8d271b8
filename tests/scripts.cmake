# Tests that are more than a cmocka program.
include(${CMAKE_CURRENT_SOURCE_DIR}/json_documents.cmake)
