"""The first pixel of a PNG without a palette: red, green and blue, a blank between.

No filter of PNG changes it: whatever it looks at lies outside of the picture.
"""
import struct
import sys
import zlib

with open(sys.argv[1], "rb") as picture:
    data = picture.read()
place, stream = 8, b""
while place < len(data):
    (length,) = struct.unpack(">I", data[place:place + 4])
    if data[place + 4:place + 8] == b"IDAT":
        stream += data[place + 8:place + 8 + length]
    place += 12 + length
print(*zlib.decompressobj().decompress(stream, 4)[1:4])
