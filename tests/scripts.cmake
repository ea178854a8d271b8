# Tests that are scripts, and the labels by which scripts/test.sh chooses.

# A test that may open the default model is labelled `model`: under the sanitizers it would take minutes.
foreach(source ${test_sources})
  file(STRINGS ${source} uses_model REGEX "default_model_or_skip")
  if(uses_model)
    get_filename_component(name ${source} NAME_WE)
    string(REGEX REPLACE "^test_" "" test ${name})
    set_tests_properties(${test} PROPERTIES LABELS model)
  endif()
endforeach()

# These look at the sources and the installed tree, which the sanitizers do not change.
if(NOT RANKKV_SANITIZE)
  add_test(NAME fetch_model COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_fetch_model.sh ${PROJECT_SOURCE_DIR})
  add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_install.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endif()
include(${CMAKE_CURRENT_SOURCE_DIR}/json_documents.cmake)
