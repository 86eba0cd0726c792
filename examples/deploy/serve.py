"""Serve an exported ONNX file on images: python serve.py FILE.onnx [PORT], then curl --data-binary @digit.png :8000"""

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
wanted, classes = session.get_inputs()[0], json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
_, channels, height, width = wanted.shape


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        try:
            sent = Image.open(io.BytesIO(self.rfile.read(int(self.headers["Content-Length"]))))
            image = sent.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        except (OSError, TypeError, ValueError):
            self.send_error(400, "send one image, such as a PNG or a JPEG")
            return
        pixels = np.asarray(image).reshape(1, height, width, channels).transpose(0, 3, 1, 2)
        x = pixels if wanted.type == "tensor(uint8)" else pixels.astype(np.float32) / 255
        (outputs,) = session.run(None, {wanted.name: x})[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"class": classes[outputs.argmax()], "outputs": outputs.tolist()}).encode())


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8000), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
