#pragma once

#include <string>
#include <string_view>

namespace charioteer::shell {

std::string encode_base64(std::string_view bytes);

/// Padding is required. Throws io::Error which names the first invalid character.
std::string decode_base64(std::string_view text);

}  // namespace charioteer::shell
