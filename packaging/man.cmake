# SPDX-License-Identifier: Apache-2.0
# The manual: written in scdoc, with the keys of pinion.yaml(5) from the reader's own table. Installed compressed, as
# distributions want it.
find_program(PINION_SCDOC scdoc)
find_program(PINION_GZIP gzip)
if(NOT PINION_SCDOC OR NOT PINION_GZIP)
  message(STATUS "scdoc or gzip is not there: the man pages are left out")
  add_custom_target(man)
  return()
endif()

set(man_source ${PROJECT_SOURCE_DIR}/packaging/man)
set(man_folder ${CMAKE_BINARY_DIR}/man)
file(MAKE_DIRECTORY ${man_folder})
add_custom_command(OUTPUT ${man_folder}/keys.scd
                   COMMAND pinionctl schema --man > ${man_folder}/keys.scd
                   DEPENDS pinionctl VERBATIM)
foreach(page piniond.8 pinionctl.1 pinion.yaml.5 libpinion.3)
  add_custom_command(OUTPUT ${man_folder}/${page} ${man_folder}/${page}.gz
                     COMMAND ${CMAKE_COMMAND} -D TEMPLATE=${man_source}/${page}.scd -D KEYS=${man_folder}/keys.scd
                             -D VERSION=${PROJECT_VERSION} -D SCDOC=${PINION_SCDOC} -D PAGE=${man_folder}/${page}
                             -P ${man_source}/fill.cmake
                     COMMAND ${PINION_GZIP} -9nkf ${man_folder}/${page}
                     DEPENDS ${man_source}/${page}.scd ${man_source}/fill.cmake ${man_folder}/keys.scd VERBATIM)
  list(APPEND man_pages ${man_folder}/${page})
  string(REGEX MATCH "[0-9]$" section ${page})
  install(FILES ${man_folder}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
add_custom_target(man ALL DEPENDS ${man_pages})
