# The libraries that the project stands on, each as one imported target. The package config of an installed static
# library includes this file too: it says nothing about the project's own targets.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(PNG REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)

# RANKKV_MODULES: what rankkv.pc requires; RANKKV_LIBRARIES: the files that it must name, having no module of their own.
set(RANKKV_MODULES libcrypto libpng)
macro(rankkv_module name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${ARGN})
  list(APPEND RANKKV_MODULES ${ARGN})
endmacro()
rankkv_module(libdeflate libdeflate)
rankkv_module(jansson "jansson>=2.11")
rankkv_module(pcre2 libpcre2-8)
rankkv_module(openblas openblas)

# OpenBLAS and LAPACKE. OpenBLAS comes before LAPACKE, so that its BLAS and LAPACK are the ones that are used.
find_library(LAPACKE_LIBRARY lapacke REQUIRED)
find_path(LAPACKE_INCLUDE_DIR lapacke.h REQUIRED)
if(NOT TARGET RankKV::lapacke)
  add_library(RankKV::lapacke INTERFACE IMPORTED)
  target_link_libraries(RankKV::lapacke INTERFACE PkgConfig::openblas ${LAPACKE_LIBRARY})
  target_include_directories(RankKV::lapacke INTERFACE ${LAPACKE_INCLUDE_DIR})
endif()

# HDF5, the serial library, with its high-level part (dimension scales), which no .pc file names: Debian calls them
# hdf5-serial and hdf5_serial_hl, others hdf5 and hdf5_hl.
pkg_search_module(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial>=1.10.5 hdf5>=1.10.5)
find_library(HDF5_HL_LIBRARY NAMES hdf5_hl hdf5_serial_hl HINTS ${hdf5_LIBRARY_DIRS} ${hdf5_LIBDIR} REQUIRED)
list(APPEND RANKKV_MODULES ${hdf5_MODULE_NAME}>=1.10.5)
if(NOT TARGET RankKV::hdf5)
  add_library(RankKV::hdf5 INTERFACE IMPORTED)
  target_link_libraries(RankKV::hdf5 INTERFACE ${HDF5_HL_LIBRARY} PkgConfig::hdf5)
endif()

# Cairo and Pango, as RANKKV_CAIRO has it; RANKKV_CAIRO_TARGETS is empty without them.
set(RANKKV_CAIRO_TARGETS "")
if(RANKKV_CAIRO STREQUAL "AUTO")
  pkg_check_modules(pangocairo IMPORTED_TARGET pangocairo cairo)
elseif(RANKKV_CAIRO)
  pkg_check_modules(pangocairo REQUIRED IMPORTED_TARGET pangocairo cairo)
endif()
if(RANKKV_CAIRO AND pangocairo_FOUND)
  set(RANKKV_CAIRO_TARGETS PkgConfig::pangocairo)
  list(APPEND RANKKV_MODULES pangocairo cairo)
endif()

set(RANKKV_LIBRARIES ${HDF5_HL_LIBRARY} ${LAPACKE_LIBRARY})
