# For scripts/package.sh (CMAKE_PROJECT_INCLUDE): a program that takes with it what a bare machine lacks. Foreign
# libraries come from their archives where there are any, and what is left lies beside the program.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
set(OPENSSL_USE_STATIC_LIBS ON)
# What archives need of one another, which nobody tells.
set(CMAKE_C_STANDARD_LIBRARIES
  "-l:libopenblas.a -l:libgfortran.a -l:libquadmath.a -l:libsz.a -l:libaec.a -l:libz.a -lm -ldl")
# The old kind of run path holds for the libraries of libraries too.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN")
string(APPEND CMAKE_EXE_LINKER_FLAGS " -Wl,--disable-new-dtags -Wl,--gc-sections -s")
