# RANKKV_STANDALONE: what can be built with a compiler and CMake alone. Folder standins/ stands in for the foreign libraries under
# the names of their targets, plain loops for OpenBLAS and LAPACK; what needs the others is left out, the program with it.
find_package(OpenMP REQUIRED COMPONENTS C)

foreach(name OpenSSL::Crypto RankKV::lapacke RankKV::hdf5 PkgConfig::libdeflate PkgConfig::jansson PkgConfig::pcre2
             PkgConfig::cmocka PNG::PNG)
  add_library(${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${name} INTERFACE ${CMAKE_CURRENT_LIST_DIR}/../standins/include)
endforeach()
set(RANKKV_CAIRO_TARGETS "")

# By folder, the names of the files that are built, and of those that are not; a folder without either is whole.
set(RANKKV_STANDALONE_ONLY_io "^(analysis|budget|profile|gguf.*|tensor_type|dequantize.*|dtype|number|model_info|name_index)$")
set(RANKKV_STANDALONE_NOT_model "^pretokenizer$")
set(RANKKV_STANDALONE_NOT_viz ".")
set(RANKKV_STANDALONE_NOT_evaluation ".")
set(RANKKV_STANDALONE_ONLY_tests "^test_(\
backend|basis|budget|cached_attention|core|cuda_download|cuda_model|cuda_needs|cuda_prompts|cuda_rank|\
cuda_scores|cuda_selection|cuda_session|cuda_several|cuda_spectra|cuda_workspace|effective_rank|entries|foretell|forward|\
forward_memory|gguf|half|matvec|module|policies|prefill|rows|rows_device|rows_host|rows_together|sampler|share|stream|tensor_type|\
tiny_model)$")
set(RANKKV_STANDALONE_ONLY_tests_support "^(\
cached_task|default_model|device_data|gguf_writer|guarded|kept_layers|plain_cache|plain_ops|\
plain_scores|row_lists|row_pairs|sample_analysis|sample_profile|score_checks|scored_heads|session_pair|singular_checks|\
temporary|tiny_model|turn_checks|weight_checks|weight_data)$")

# Takes from the list of sources what a standalone build leaves out of this folder.
function(rankkv_standalone_filter folder list)
  set(kept "")
  foreach(source ${${list}})
    get_filename_component(name ${source} NAME_WE)
    if((NOT RANKKV_STANDALONE_ONLY_${folder} OR name MATCHES "${RANKKV_STANDALONE_ONLY_${folder}}")
       AND NOT (RANKKV_STANDALONE_NOT_${folder} AND name MATCHES "${RANKKV_STANDALONE_NOT_${folder}}"))
      list(APPEND kept ${source})
    endif()
  endforeach()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()
