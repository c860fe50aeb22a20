# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. The Debian package is made of exactly this.
set(PINION_SYSTEM_UNIT_DIR ${CMAKE_INSTALL_PREFIX}/lib/systemd/system CACHE PATH "Where units of the system go")

install(TARGETS piniond RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS pinionctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS pinion-exec RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/pinion)

# Under systemd: the units, the group of those who may look.
configure_file(packaging/systemd/pinion.service ${CMAKE_BINARY_DIR}/systemd/pinion.service @ONLY)
configure_file(packaging/systemd/user/pinion.service ${CMAKE_BINARY_DIR}/systemd/user/pinion.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/systemd/pinion.service DESTINATION ${PINION_SYSTEM_UNIT_DIR})
install(FILES ${CMAKE_BINARY_DIR}/systemd/user/pinion.service DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/user)
install(FILES packaging/sysusers/pinion.conf DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/sysusers.d)

# On the message bus: who may call, and what a call to the name starts.
install(FILES packaging/dbus/org.pinion.Pinion1.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1/system.d)
foreach(bus system session)
  install(FILES packaging/dbus/org.pinion.Pinion1.${bus}.service RENAME org.pinion.Pinion1.service
          DESTINATION ${CMAKE_INSTALL_DATADIR}/dbus-1/$<IF:$<STREQUAL:${bus},system>,system-services,services>)
endforeach()

# The configuration that is there from the first day, and what helps to write it.
install(FILES packaging/pinion.yaml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/pinion)
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/pinion/pools.d)
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples PATTERN cpp EXCLUDE)
install(FILES packaging/systemd/hardened.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/keys.md docs/security.md docs/glossary.md docs/architecture.md docs/state-machines.md docs/library.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)

install(FILES packaging/completions/pinionctl.bash RENAME pinionctl
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completions/_pinionctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES packaging/completions/pinionctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The schema comes from the reader's own table.
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/pinion.schema.json
                   COMMAND pinionctl schema > ${CMAKE_BINARY_DIR}/pinion.schema.json
                   DEPENDS pinionctl VERBATIM)
add_custom_target(schema ALL DEPENDS ${CMAKE_BINARY_DIR}/pinion.schema.json)
install(FILES ${CMAKE_BINARY_DIR}/pinion.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/pinion)
# Those of pinionctl's answers to programs are written by hand, and held against every answer by a test.
install(DIRECTORY packaging/schemas DESTINATION ${CMAKE_INSTALL_DATADIR}/pinion)

include(${CMAKE_CURRENT_LIST_DIR}/library.cmake)

# What `journalctl -x` tells of each record, and the manual.
include(${CMAKE_CURRENT_LIST_DIR}/catalog.cmake OPTIONAL)
include(${CMAKE_CURRENT_LIST_DIR}/man.cmake OPTIONAL)
