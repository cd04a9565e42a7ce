import {
  createByteReader,
  createByteWriter,
  createFrameDecoder,
  encodeFrameHeader,
} from '@vudo/wire'

const message = createByteWriter().u8(1).varint(300).text('hello').finish()

const decoder = createFrameDecoder({ maxFrameBytes: 1_048_576 })
for (const chunk of [encodeFrameHeader(message.length), message]) {
  for (const frame of decoder.push(chunk)) {
    const reader = createByteReader(frame)
    console.log(reader.u8(), reader.varint(), reader.text(100))
    reader.end()
  }
}
