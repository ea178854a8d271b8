# Installation: library, headers, program, package config for CMake and pkg-config, man page, completion, schemas.
# Nothing installed names the prefix, so that `cmake --install --prefix` and moving the tree both work.
include(CMakePackageConfigHelpers)

install(TARGETS rankkv EXPORT RankKVTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET rankkv_cli)
  if(BUILD_SHARED_LIBS)
    file(RELATIVE_PATH to_library /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(rankkv_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_library}")
  endif()
  install(TARGETS rankkv_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY include/rankkv DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY share/rankkv DESTINATION ${CMAKE_INSTALL_DATADIR} OPTIONAL)
file(GLOB samples CONFIGURE_DEPENDS samples/*.txt)
install(FILES ${samples} DESTINATION ${CMAKE_INSTALL_DATADIR}/rankkv/samples)
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# find_package(RankKV). A static library cannot carry its dependencies, so its consumers look for them as this build
# did, with the same file.
set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/RankKV)
install(EXPORT RankKVTargets NAMESPACE RankKV:: DESTINATION ${cmake_dir})
string(COMPARE NOTEQUAL "${RANKKV_CAIRO_TARGETS}" "" RANKKV_HAVE_CAIRO)
configure_package_config_file(cmake/RankKVConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/RankKVConfig.cmake
  INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/RankKVConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/RankKVConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/RankKVConfigVersion.cmake
  cmake/RankKVDependencies.cmake DESTINATION ${cmake_dir})

# pkg-config rankkv. A static library needs its dependencies on the link line whether or not --static is asked for.
string(REGEX REPLACE "([<>=]+)" " \\1 " pc_requires "${RANKKV_MODULES}")
list(JOIN pc_requires ", " pc_requires)
foreach(library ${RANKKV_LIBRARIES})
  get_filename_component(name ${library} NAME_WE)
  string(REGEX REPLACE "^lib" "-l" name ${name})
  list(APPEND pc_libraries ${name})
endforeach()
list(JOIN pc_libraries " " pc_libraries)
string(APPEND pc_libraries " ${OpenMP_C_FLAGS} -lm")
if(BUILD_SHARED_LIBS)
  set(pc_dependencies "Requires.private: ${pc_requires}\nLibs: -L\${libdir} -lrankkv\nLibs.private: ${pc_libraries}")
else()
  set(pc_dependencies "Requires: ${pc_requires}\nLibs: -L\${libdir} -lrankkv ${pc_libraries}")
endif()
# From the folder of the .pc file up to the prefix, whatever the depth of the library folder.
file(RELATIVE_PATH pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_up}")
configure_file(cmake/rankkv.pc.in rankkv.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rankkv.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
