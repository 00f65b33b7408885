# Makes files into strings of a program: designers edit real files, and the program runs without them.
#
#   glass_embed(target namespace file...)
#
# compiles each file into `target` as a string in the given namespace: report.css becomes
# `extern const std::string_view report_css`. After a change of a file the next build embeds it again.
# When this file runs as a script (cmake -P), it writes the C++ source of one string.

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${FROM} bytes HEX)
  string(REGEX REPLACE "(........................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  file(WRITE ${TO} "#include <string_view>

namespace ${NAMESPACE} {

namespace {
// One byte more than the file has: C++ does not allow an array without elements.
constexpr char bytes[] = {
${bytes}'\\0'};
}  // namespace

extern const std::string_view ${NAME};
const std::string_view ${NAME}(bytes, sizeof bytes - 1);

}  // namespace ${NAMESPACE}
")
  return()
endif()

set(embed_script ${CMAKE_CURRENT_LIST_FILE})

function(glass_embed target namespace)
  foreach(file IN LISTS ARGN)
    cmake_path(GET file FILENAME name)
    string(MAKE_C_IDENTIFIER ${name} name)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${target}/${name}.cpp)
    add_custom_command(OUTPUT ${source}
      COMMAND ${CMAKE_COMMAND} -DFROM=${file} -DTO=${source} -DNAMESPACE=${namespace} -DNAME=${name}
        -P ${embed_script}
      DEPENDS ${file} ${embed_script}
      COMMENT "Embedding ${name}"
      VERBATIM)
    target_sources(${target} PRIVATE ${source})
    set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # all define `bytes`
  endforeach()
endfunction()
