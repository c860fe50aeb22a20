# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where.
install(TARGETS piniond RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS pinionctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

configure_file(packaging/systemd/pinion.service ${CMAKE_BINARY_DIR}/pinion.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/pinion.service DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
install(FILES packaging/pinion.yaml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/pinion)
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/pinion/pools.d)
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

install(FILES packaging/completions/pinionctl.bash RENAME pinionctl
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completions/_pinionctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES packaging/completions/pinionctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The schema comes from the reader's own table.
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/pinion.schema.json
                   COMMAND pinionctl schema > ${CMAKE_BINARY_DIR}/pinion.schema.json
                   DEPENDS pinionctl VERBATIM)
add_custom_target(schema ALL DEPENDS ${CMAKE_BINARY_DIR}/pinion.schema.json)
install(FILES ${CMAKE_BINARY_DIR}/pinion.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/pinion)
