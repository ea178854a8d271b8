# The page of a report, put into the library: page.html, and the style sheets and scripts that viz/page/FILES lists; each
# kind is joined in the order of that list.
set(page_folder ${CMAKE_CURRENT_SOURCE_DIR}/viz/page)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page_folder}/FILES)
file(STRINGS ${page_folder}/FILES RANKKV_PAGE)
list(PREPEND RANKKV_PAGE page.html)
list(TRANSFORM RANKKV_PAGE PREPEND ${page_folder}/)

set(page_source ${CMAKE_CURRENT_BINARY_DIR}/generated/viz/page.c)
add_custom_command(OUTPUT ${page_source}
  COMMAND ${CMAKE_COMMAND} -P ${CMAKE_CURRENT_LIST_DIR}/EmbedPage.cmake -- ${page_source} ${RANKKV_PAGE}
  DEPENDS ${RANKKV_PAGE} ${CMAKE_CURRENT_LIST_DIR}/EmbedPage.cmake
  COMMENT "Embedding viz/page" VERBATIM)
if(TARGET rankkv_viz) # not in a standalone build
  target_sources(rankkv_viz PRIVATE ${page_source})
endif()
