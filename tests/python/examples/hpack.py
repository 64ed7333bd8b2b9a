import binascii
import nghttp2

deflater = nghttp2.HDDeflater()
inflater = nghttp2.HDInflater()

data = deflater.deflate([(b'foo', b'bar'),
                         (b'baz', b'buz')])
print(binascii.b2a_hex(data))

hdrs = inflater.inflate(data)
print(hdrs)
