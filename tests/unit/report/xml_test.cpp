#include "report/xml.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "fakes/temporary_directory.hpp"
#include "report/xml_log.hpp"

namespace charioteer::report {
namespace {

TEST(Xml, RemovesCharactersThatXmlForbids) {
    EXPECT_EQ(xml_text("a\x1b[1m\x07\x7f\tb\n"), "a[1m\tb\n");
    EXPECT_EQ(xml_text("caf\xc3\xa9 \xc2\x9b \xf0\x9f\x90\x8e"), "caf\xc3\xa9  \xf0\x9f\x90\x8e");
    EXPECT_EQ(xml_text("\xff\xef\xbf\xbe\xef\xbf\xbf."), ".");
}

TEST(Xml, EscapesContentAndAttributes) {
    EXPECT_EQ(xml_content("a < b & \"c\" > d"), "a &lt; b &amp; \"c\" &gt; d");
    EXPECT_EQ(xml_attribute("a\n&"), "\"a&#10;&amp;\"");
    EXPECT_EQ(xml_attribute("the \"web\""), "'the \"web\"'");
    EXPECT_EQ(xml_attribute("'the' \"web\""), "\"'the' &quot;web&quot;\"");
}

TEST(XmlLog, IsWrittenImmediately) {
    fakes::TemporaryDirectory directory;
    auto file = directory.path() / "log.xml";
    XmlLog log(file);
    log.open_nest("a <step>", {{"machine", "web"}, {"image", "x.png"}});
    log.line("in it", {});
    log.close_nest();
    log.take({io::EventKind::serial, "web", "boot\x1bing"});
    log.finish("interrupted");
    std::ifstream stream(file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}),
              "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<logfile>"
              "<nest><head machine=\"web\" image=\"x.png\">a &lt;step&gt;</head>"
              "<line>in it</line></nest>"
              "<line machine=\"web\" type=\"serial\">booting</line><line>interrupted</line>");
}

}  // namespace
}  // namespace charioteer::report
