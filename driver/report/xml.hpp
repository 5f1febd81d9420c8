#pragma once

#include <string>
#include <string_view>

namespace charioteer::report {

/// `text` without what XML 1.0 cannot hold, not even escaped: bytes that are not UTF-8, and control
/// characters but for tab and newline.
std::string xml_text(std::string_view text);

/// The same as the content of an element: with &amp;, &lt; and &gt;.
std::string xml_content(std::string_view text);

/// The same as the value of an attribute, in quotes, which are single ones where that
/// saves escaping double ones, as Python's quoteattr does it.
std::string xml_attribute(std::string_view text);

}  // namespace charioteer::report
