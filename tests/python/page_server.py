"""A small site for a browser: page_server.py NAME

It listens on a port of 127.0.0.1 that the kernel picks, prints `listening PORT`, and ends with its standard input. The
page finds out what the browser knows and writes it into its own document.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

name = sys.argv[1]

PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title><link rel="icon" href="data:,"></head>
<body data-name="{name}"><img id="picture" src="/picture.svg" alt="">
<script src="/script.js"></script></body></html>
"""

# Requests one after the other, each with the cookies that came before it.
SCRIPT = """
window.addEventListener("load", () => {
  const names = [document.body.dataset.name];
  for (let turn = 0; turn < 12; turn++) {
    const request = new XMLHttpRequest();
    request.open("GET", "/who?" + turn, false);
    request.send();
    names.push(request.responseText);
  }
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({
    page: performance.getEntriesByType("navigation")[0].nextHopProtocol,
    parts: [...new Set(performance.getEntriesByType("resource").map(one => one.nextHopProtocol))],
    picture: document.getElementById("picture").naturalWidth,
    names: [...new Set(names)],
    cookie: document.cookie,
  });
  document.body.append(found);
});
"""

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><circle r="8"/></svg>'


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, body = {
            "/": ("text/html", PAGE),
            "/script.js": ("text/javascript", SCRIPT),
            "/picture.svg": ("image/svg+xml", PICTURE),
        }.get(self.path, ("text/plain", name))
        self.send_response(200)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body.encode())))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("listening", server.server_address[1], flush=True)
sys.stdin.read()
