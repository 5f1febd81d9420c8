#pragma once

#include <string>
#include <string_view>

namespace charioteer::report {

/// `text` without the bytes that XML 1.0 forbids even as escapes: invalid UTF-8, and control
/// characters except tab and newline.
std::string xml_text(std::string_view text);

/// `text` as the content of an element: filtered, and with &amp;, &lt; and &gt;.
std::string xml_content(std::string_view text);

/// `text` as the value of an attribute, in double quotes, or in single ones if it contains double
/// quotes only, like Python's quoteattr.
std::string xml_attribute(std::string_view text);

}  // namespace charioteer::report
