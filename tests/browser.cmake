# The pages that the program writes, in Chromium: Debian's, with its driver. Pictures of them stay in build/PRESET/browser.
# A sanitized program writes the same pages.
if(RANKKV_PYTHON AND NOT RANKKV_SANITIZE)
  add_test(NAME browser COMMAND ${RANKKV_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/browser/run.py)
  set_tests_properties(browser PROPERTIES SKIP_RETURN_CODE 77 LABELS browser TIMEOUT 3600 ENVIRONMENT
    "RANKKV_PROGRAM=$<TARGET_FILE:rankkv_cli>;RANKKV_MAKE_TINY_MODEL=$<TARGET_FILE:make_tiny_model>;RANKKV_WRITE_SAMPLES=$<TARGET_FILE:write_samples>;RANKKV_BROWSER_OUTPUT=${PROJECT_BINARY_DIR}/browser;PYTHONDONTWRITEBYTECODE=1")
endif()
