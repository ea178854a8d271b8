# rankkv_flags: what every source of the project is compiled with.
add_library(rankkv_flags INTERFACE)
target_compile_definitions(rankkv_flags INTERFACE _GNU_SOURCE)
target_compile_options(rankkv_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes;-Wpointer-arith>"
  "$<$<COMPILE_LANGUAGE:C>:-Wwrite-strings;-Wundef;-Wvla;-fno-math-errno;-fno-trapping-math>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>")
if(RANKKV_WERROR)
  target_compile_options(rankkv_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>
    "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>")
endif()
if(RANKKV_SANITIZE)
  target_compile_options(rankkv_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
