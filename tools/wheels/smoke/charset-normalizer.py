"""charset-normalizer finds encodings; requests uses it on what a web server of ours sends."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import charset_normalizer
import requests
from charset_normalizer import cd, detect, from_bytes, md

TEXTS = {
    "cp1251": "Карл у Клары украл кораллы, а Клара у Карла украла кларнет. Шла Саша по шоссе и сосала сушку. " * 4,
    "cp1253": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Ο καιρός είναι καλός σήμερα και πηγαίνουμε στη θάλασσα. " * 4,
    "utf_8": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Fünf Äpfel liegen auf dem Tisch. " * 4,
    "utf_16": "Portez ce vieux whisky au juge blond qui fume. L'été dernier, nous étions à la plage. " * 4,
    "big5": "我能吞下玻璃而不傷身體。今天天氣很好,我們一起去公園散步吧。中文字符編碼檢測測試。" * 4,
    "ascii": "The quick brown fox jumps over the lazy dog, and nobody is surprised any more. " * 4,
}

print([name.endswith(".so") for name in (md.__file__, cd.__file__)])
for encoding, text in TEXTS.items():
    data = text.encode(encoding)
    best = from_bytes(data).best()
    print(encoding, best.encoding, best.language, str(best) == text, round(best.chaos, 3), round(best.coherence, 3))
    print("   ", best.alphabets[:3], best.could_be_from_charset[:4], best.bom, detect(data)["encoding"])
print(from_bytes(bytes(range(256)) * 4).best(), charset_normalizer.is_binary(b"\x00\x01\x02\xff" * 100))
print(cd.alpha_unicode_split("abc русский текст 漢字 déjà"), cd.encoding_languages("cp1251"), md.mess_ratio("ÃƒÂ©tÃƒÂ© " * 20) > 0.2)
print(len(from_bytes(TEXTS["utf_8"].encode())), from_bytes(b"abc").best().output())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/redirect":
            self.answer(302, b"", Location="/json?from=redirect")
        elif path == "/json":
            seen = {"path": self.path, "agent": self.headers["User-Agent"], "cookie": self.headers["Cookie"]}
            self.answer(200, json.dumps(seen).encode(), Content_Type="application/json", Set_Cookie="crumb=1; Path=/")
        elif path == "/text":
            self.answer(200, TEXTS["cp1251"].encode("cp1251"), Content_Type="application/octet-stream")
        else:
            self.answer(404, b"nothing here", Content_Type="text/plain")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, body[::-1], Content_Type="text/plain; charset=latin-1", X_Type=self.headers["Content-Type"])


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
with requests.Session() as session:
    session.trust_env = False
    session.headers["User-Agent"] = "smoke"
    found = session.get(f"{base}/redirect", params={"q": "ä b"}, timeout=60)
    print(found.status_code, [it.status_code for it in found.history], found.json(), found.encoding)
    print(session.cookies.get_dict(), session.get(f"{base}/json", timeout=60).json()["cookie"])
    text = session.get(f"{base}/text", timeout=60)
    print(text.encoding, text.apparent_encoding, text.text[:30])
    posted = session.post(f"{base}/post", data={"a": "1", "b": ["2", "3"]}, timeout=60)
    print(posted.text, posted.headers["x-type"], posted.encoding)
    posted = session.post(f"{base}/post", json=[1, "é"], timeout=60)
    print(posted.content, posted.headers["X-Type"])
    posted = session.post(f"{base}/post", files={"f": ("name.txt", b"content")}, timeout=60)
    print(b"content"[::-1] in posted.content, posted.headers["X-Type"].split(";")[0])
    try:
        session.get(f"{base}/missing", timeout=60).raise_for_status()
    except requests.HTTPError as error:
        print(type(error).__name__, error.response.status_code, error.response.text)
    streamed = b"".join(session.get(f"{base}/text", stream=True, timeout=60).iter_content(100))
    print(len(streamed) == len(TEXTS["cp1251"]))
server.shutdown()
server.server_close()
try:
    requests.get(base, timeout=5)
except requests.ConnectionError as error:
    print(type(error).__name__)
try:
    requests.get("no-scheme")
except requests.exceptions.MissingSchema as error:
    print(type(error).__name__)
