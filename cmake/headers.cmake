# Copies the public headers for consumers, to build/include; an installation puts them in include:
#   glassgrad.h                  one line, so that #include <glassgrad.h> works
#   glassgrad/tensor/tensor.h    and the other headers, which include each other by relative path
# Only these two names are on a consumer's include path. A consumer may have its own folder tensor/, and
# neither project includes the other's file by mistake. docs/decisions/001-headers.md gives the reasons.
set(rooms tensor autograd nn optim)
set(public_headers glassgrad.h)
foreach(room IN LISTS rooms)
  file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/*.h)
  list(APPEND public_headers ${headers})
endforeach()
list(REMOVE_ITEM public_headers  # private
  tensor/attention_block.h tensor/decisions.h tensor/ends.h tensor/functions.h tensor/loops.h tensor/pack.h tensor/page.h tensor/philox.h
  tensor/plan.h tensor/product.h
  tensor/row_loops.h tensor/simd.h tensor/tile.h autograd/differences.h autograd/enclosure_verdict.h
  autograd/hidden_rounding.h autograd/nearby.h autograd/objective.h autograd/ties.h
  autograd/verdict.h nn/comparison.h nn/file.h nn/header.h nn/tensor_file.h optim/update.h)
list(JOIN rooms "|" any_room)

function(write_if_different path text)
  file(WRITE ${path}.new "${text}")
  file(COPY_FILE ${path}.new ${path} ONLY_IF_DIFFERENT)
  file(REMOVE ${path}.new)
endfunction()

file(GLOB_RECURSE stale RELATIVE ${PROJECT_BINARY_DIR}/include/glassgrad
  ${PROJECT_BINARY_DIR}/include/glassgrad/*)
list(REMOVE_ITEM stale ${public_headers})
foreach(header IN LISTS stale)
  file(REMOVE ${PROJECT_BINARY_DIR}/include/glassgrad/${header})
endforeach()

foreach(header IN LISTS public_headers)
  file(READ ${PROJECT_SOURCE_DIR}/${header} text)
  if(header MATCHES "/")
    string(REGEX REPLACE "(#include \")((${any_room})/)" "\\1../\\2" text "${text}")
  endif()
  write_if_different(${PROJECT_BINARY_DIR}/include/glassgrad/${header} "${text}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${header})
endforeach()
write_if_different(${PROJECT_BINARY_DIR}/include/glassgrad.h "#include \"glassgrad/glassgrad.h\"\n")
