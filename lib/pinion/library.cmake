# SPDX-License-Identifier: Apache-2.0
# libpinion, the public library: `pinion_library` for this tree's own tests, which see its insides, and `pinion` as it
# ships: a shared library that exports the public names and has the modules below it within.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_library(pinion_library STATIC ${sources})
target_include_directories(pinion_library PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}/include>)
target_link_libraries(pinion_library PRIVATE pinion_base pinion_model pinion_cpu pinion_wire pinion_process)
set_target_properties(pinion_library PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                                                POSITION_INDEPENDENT_CODE ON
                                                UNITY_BUILD OFF)  # its names and those below are alike

# Its name is the target's. The number of the soname is that of the public namespace, v0.
add_library(pinion SHARED ${CMAKE_CURRENT_LIST_DIR}/include/pinion/pinion.h)
set_target_properties(pinion PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION 0
                      LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/exports.map)
target_link_libraries(pinion PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,pinion_library>)
target_link_options(pinion PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map
                                   -Wl,--no-undefined -Wl,--as-needed)
target_include_directories(pinion PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}/include>
                                         $<INSTALL_INTERFACE:include>)
target_compile_features(pinion INTERFACE cxx_std_20)
add_library(pinion::pinion ALIAS pinion)
