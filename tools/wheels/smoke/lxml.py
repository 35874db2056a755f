"""lxml: trees, XPath, XSLT, schemas, HTML, objects, and errors with their lines."""

import copy
import io
import pickle
import weakref

from lxml import etree, html, objectify
from lxml.builder import E as B

TEXT = b"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE shop [<!ENTITY owner "J. Smith">]>
<!-- a shop -->
<shop xmlns="urn:shop" xmlns:x="urn:extra" name="Corner">
  <owner>&owner;</owner>
  <item id="1" x:sale="yes"><name>Apple</name><price>1.50</price></item>
  <item id="2"><name lang="fr">P\xc3\xaache</name><price>2.25</price></item>
  <item id="3"><name><![CDATA[Nuts & <bolts>]]></name><price>10</price>tail</item>
  <?order later?>
</shop>
"""
NS = {"s": "urn:shop", "x": "urn:extra"}

root = etree.fromstring(TEXT)
tree = root.getroottree()
print(root.tag, root.get("name"), root.nsmap, len(root), tree.docinfo.encoding, tree.docinfo.doctype)
for element in root.iter():
    kind = element.tag if isinstance(element.tag, str) else element.tag.__name__
    print(kind, dict(element.attrib), (element.text or "").strip(), (element.tail or "").strip(), element.sourceline)
print(etree.QName(root[1]).localname, root.find("s:item[@id='2']/s:name", NS).text, root.findtext("s:owner", namespaces=NS))
print(tree.getpath(root[2][0]), tree.getelementpath(root[2][0]), [it.get("id") for it in root.iterfind("s:item", NS)])

print(root.xpath("sum(//s:price)", namespaces=NS), root.xpath("//s:item[s:price > 2]/@id", namespaces=NS))
print(root.xpath("string(//s:item[@x:sale]/s:name)", namespaces=NS), root.xpath("count(//s:item) = $n", namespaces=NS, n=3))
find = etree.XPath("//s:item[s:name[contains(., $part)]]", namespaces=NS)
print([it.get("id") for it in find(root, part="P")], etree.XPath("re:test('abc', '^a.c$')", namespaces={"re": "http://exslt.org/regular-expressions"})(root))


def twice(context, values):
    return [it.text * 2 for it in values]


functions = etree.FunctionNamespace("urn:functions")
functions["twice"] = twice
print(root.xpath("f:twice(//s:name)", namespaces={**NS, "f": "urn:functions"}))
word = root.xpath("//s:name[1]/text()", namespaces=NS)[0]
print(word, word.getparent().tag, word.is_text, type(word).__name__)

new = etree.SubElement(root, "{urn:shop}item", {"id": "4"}, extra="é")
new.append(B.name("Plum", B.em("!"), color="blue"))
new.text, new[0].tail = "before", "after"
root.insert(0, etree.Comment("first"))
root.remove(root[2])
root[1].addnext(etree.ProcessingInstruction("go", "on"))
root.set("open", "true")
del root.attrib["name"]
print(etree.tostring(root, encoding="unicode", pretty_print=True))
print(etree.tostring(new, method="text", encoding="unicode"), etree.tostring(new, method="c14n"), etree.canonicalize(etree.tostring(new, encoding="unicode"), strip_text=True))
print(etree.tostring(tree, xml_declaration=True, encoding="iso-8859-1")[:60])
twin = copy.deepcopy(new)
twin.set("id", "5")
print(new.get("id"), twin.get("id"), twin.getparent(), new.getparent() is root, new.getprevious().tag is etree.PI, list(new.iterancestors()) == [root])
etree.strip_tags(twin, "em")
print(etree.tostring(twin), len(list(root.itersiblings())), root.index(new))
root.clear()
print(etree.tostring(root))

style = etree.XSLT(etree.XML("""
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:s="urn:shop" exclude-result-prefixes="s">
  <xsl:param name="title" select="'none'"/>
  <xsl:template match="/"><list title="{$title}"><xsl:apply-templates select="//s:item"><xsl:sort select="s:price" data-type="number" order="descending"/></xsl:apply-templates></list></xsl:template>
  <xsl:template match="s:item"><xsl:message>seen <xsl:value-of select="@id"/></xsl:message><li n="{position()}"><xsl:value-of select="s:name"/></li></xsl:template>
</xsl:stylesheet>"""))
shop = etree.fromstring(TEXT)
result = style(shop, title=etree.XSLT.strparam("it's a list"))
print(str(result), result.getroot().tag, [entry.message for entry in style.error_log])

schema = etree.XMLSchema(etree.XML("""
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="p"><xs:complexType><xs:sequence>
  <xs:element name="n" type="xs:integer" maxOccurs="2"/></xs:sequence><xs:attribute name="a" use="required"/></xs:complexType></xs:element></xs:schema>"""))
relaxng = etree.RelaxNG(etree.XML('<element name="p" xmlns="http://relaxng.org/ns/structure/1.0"><oneOrMore><element name="n"><text/></element></oneOrMore></element>'))
dtd = etree.DTD(io.StringIO("<!ELEMENT p (n+)><!ELEMENT n (#PCDATA)>"))
for document in ("<p a='1'><n>5</n></p>", "<p><n>x</n></p>", "<q/>"):
    parsed = etree.XML(document)
    print(document, schema.validate(parsed), relaxng.validate(parsed), dtd.validate(parsed))
    print("   ", [(entry.line, entry.type_name, entry.message) for entry in schema.error_log])
try:
    schema.assertValid(etree.XML("<q/>"))
except etree.DocumentInvalid as error:
    print(error)

events = []
for event, element in etree.iterparse(io.BytesIO(TEXT), events=("start", "end", "start-ns", "comment", "pi"), no_network=True):
    events.append((event, getattr(element, "tag", element)) if event.endswith("ns") else event)
    if event == "end":
        element.clear()
print(len(events), events[:6], events.count("end"))
pull = etree.XMLPullParser(events=("end",))
for part in (b"<a><b>1</b", b"><c/></", b"a>"):
    pull.feed(part)
    print([element.tag for _, element in pull.read_events()])


class Target:
    def __init__(self):
        self.seen = []

    def start(self, tag, attributes):
        self.seen.append(("start", tag, dict(attributes)))

    def data(self, text):
        self.seen.append(text)

    def end(self, tag):
        self.seen.append(("end", tag))

    def close(self):
        return self.seen


print(etree.fromstring("<a x='1'>text<b/></a>", etree.XMLParser(target=Target())))
with io.BytesIO() as file:
    with etree.xmlfile(file, encoding="utf-8") as out, out.element("list", count="2"):
        for i in range(2):
            out.write(B.item(str(i)))
    print(file.getvalue())

page = html.fromstring("<p>One<br>two <a href='/x?a=1&b=2'>link</a><p class='k j'>Three &eacute;<form action=go><input name=q value=1><select name=s><option selected>o</select></form>")
page.make_links_absolute("http://example.org/")
print(html.tostring(page), [link[2] for link in page.iterlinks()], page.find_class("k")[0].text_content())
print(dict(page.forms[0].fields), page.forms[0].form_values(), [it.tag for it in html.fragments_fromstring("<b>x</b>tail<i/>")])
print(etree.tostring(etree.fromstring("<a><b></a>", etree.XMLParser(recover=True))))

thing = objectify.fromstring("<r><n>5</n><n>7</n><f>1.5</f><t>word</t><b>true</b><e/></r>")
print(thing.n + 1, [int(n) for n in thing.n], thing.f * 2, thing.t + "!", bool(thing.b), thing.e.pyval, type(thing.n).__name__)
thing.made = {"any": 1}
thing.n[1] = 70
thing.deep = objectify.E.deep(objectify.E.x(3))
print(etree.tostring(thing), thing.deep.x, hasattr(thing, "none"), objectify.ObjectPath("r.deep.x")(thing))
print(etree.tostring(pickle.loads(pickle.dumps(thing))) == etree.tostring(thing))


class Special(etree.ElementBase):
    @property
    def shout(self):
        return self.text.upper()


lookup = etree.ElementNamespaceClassLookup()
parser = etree.XMLParser()
parser.set_element_class_lookup(lookup)
lookup.get_namespace(None)["word"] = Special
print(etree.fromstring("<a><word>quiet</word></a>", parser)[0].shout)
try:
    weakref.ref(shop)
except TypeError as error:
    print(error)

for action in (
    lambda: etree.fromstring("<a><b></a>"),
    lambda: etree.fromstring(b"<a>\xff</a>"),
    lambda: etree.fromstring(""),
    lambda: shop.xpath("//["),
    lambda: shop.xpath("//none:a"),
    lambda: etree.Element("not a name"),
    lambda: shop.append("text"),
    lambda: etree.XSLT(etree.XML("<a/>")),
    lambda: etree.parse("no-such-file.xml"),
    lambda: etree.XMLSchema(etree.XML("<a/>")),
    lambda: etree.SubElement(shop, "a", {"b": 1}),
    lambda: setattr(shop, "text", "\x00"),
):
    try:
        action()
        print("no error")
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0][:90])
big = etree.Element("big")
for i in range(20_000):
    etree.SubElement(big, "i", n=str(i)).text = "x" * (i % 7)
data = etree.tostring(big)
print(len(data), sum(int(n) for n in etree.fromstring(data).xpath("//@n")), int(big.xpath("count(i[text() = 'xx'])")))
