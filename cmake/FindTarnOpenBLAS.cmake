# OpenBLAS with its C interface: the target Tarn::OpenBLAS.
include(FindPackageHandleStandardArgs)
find_path(TarnOpenBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas-pthread openblas)
find_library(TarnOpenBLAS_LIBRARY openblas PATH_SUFFIXES openblas-pthread)
find_package_handle_standard_args(TarnOpenBLAS REQUIRED_VARS TarnOpenBLAS_LIBRARY TarnOpenBLAS_INCLUDE)
if(TarnOpenBLAS_FOUND AND NOT TARGET Tarn::OpenBLAS)
  add_library(Tarn::OpenBLAS UNKNOWN IMPORTED)
  set_target_properties(Tarn::OpenBLAS PROPERTIES IMPORTED_LOCATION "${TarnOpenBLAS_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${TarnOpenBLAS_INCLUDE}")
endif()
