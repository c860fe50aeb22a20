# SPDX-License-Identifier: Apache-2.0
# libpinion, installed: library, headers, a CMake package and a pkg-config file that find each other wherever the whole
# is put. A component of its own: `cmake --install BUILD --component libpinion`.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pinion)
install(TARGETS pinion EXPORT pinion-targets COMPONENT libpinion
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libpinion NAMELINK_COMPONENT libpinion)
install(DIRECTORY lib/pinion/include/pinion DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libpinion)
install(EXPORT pinion-targets NAMESPACE pinion:: DESTINATION ${package_dir} COMPONENT libpinion)
install(FILES packaging/pinion-config.cmake.in RENAME pinion-config.cmake DESTINATION ${package_dir} COMPONENT libpinion)
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/pinion-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/pinion-config-version.cmake DESTINATION ${package_dir} COMPONENT libpinion)

file(RELATIVE_PATH PINION_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(packaging/libpinion.pc.in ${CMAKE_BINARY_DIR}/libpinion.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/libpinion.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libpinion)

install(DIRECTORY examples/cpp/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libpinion-dev/examples COMPONENT libpinion)
install(FILES docs/library.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libpinion-dev COMPONENT libpinion)
