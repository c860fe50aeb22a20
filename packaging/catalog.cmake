# SPDX-License-Identifier: Apache-2.0
# The journal's catalog: what `journalctl -x` tells of each record.
install(FILES ${PROJECT_SOURCE_DIR}/packaging/catalog/pinion.catalog
        DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/catalog)
