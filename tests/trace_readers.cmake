# trace.h5 as h5py, h5dump and xarray read it.
add_executable(write_sample_trace tools/write_sample_trace.c)
target_link_libraries(write_sample_trace PRIVATE ${support})

# Debian's python3 comes first: its packages, python3-h5py among them, are installed for that one.
find_program(RANKKV_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(RANKKV_PYTHON NAMES python3)
if(RANKKV_PYTHON)
  add_test(NAME trace_readers
    COMMAND ${RANKKV_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/check_trace.py $<TARGET_FILE:write_sample_trace>
    ${PROJECT_SOURCE_DIR}/docs/FORMATS.md)
  set_tests_properties(trace_readers PROPERTIES SKIP_RETURN_CODE 77)
endif()
