# Installation: library, headers, program, package config for CMake and pkg-config, man page, completion, schemas.
include(CMakePackageConfigHelpers)
