# The page of a report, opened in Chromium; skipped, with the reason, where there is none.
add_executable(make_page tools/make_page.c)
target_include_directories(make_page PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(make_page PRIVATE rankkv_flags RankKV::rankkv)
foreach(part evaluation measured)
  add_test(NAME page_${part} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/page/test_${part}.py)
  set_tests_properties(page_${part} PROPERTIES TIMEOUT 600 ENVIRONMENT
    "RANKKV_MAKE_PAGE=$<TARGET_FILE:make_page>;RANKKV_WRITE_SAMPLES=$<TARGET_FILE:write_samples>;RANKKV_PAGE_PICTURES=${PROJECT_BINARY_DIR}/page-pictures;PYTHONDONTWRITEBYTECODE=1")
endforeach()
