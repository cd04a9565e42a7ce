import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeFileAtomic } from '@vudo/storage'
import { bytes } from './bytes.ts'
import { temporaryDirectory } from './temporary-directory.ts'

describe('writeFileAtomic', () => {
  it('replaces the file, for the owner alone unless told otherwise', async () => {
    const directory = await temporaryDirectory()
    const file = path.join(directory, 'key')
    await writeFileAtomic(file, bytes('old'))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await writeFileAtomic(file, bytes('new'), { mode: 0o640 })
    expect((await stat(file)).mode & 0o777).toBe(0o640)
    expect(await readFile(file, 'utf8')).toBe('new')
    expect(await readdir(directory)).toEqual(['key'])
  })

  it('leaves one whole content when many write at once', async () => {
    const directory = await temporaryDirectory()
    const file = path.join(directory, 'key')
    const contents = Array.from({ length: 20 }, (_, at) => String(at).repeat(10_000))
    await Promise.all(contents.map((content) => writeFileAtomic(file, bytes(content))))
    expect(contents).toContain(await readFile(file, 'utf8'))
    expect(await readdir(directory)).toEqual(['key'])
  })

  it('passes the error on and removes its temporary file', async () => {
    const directory = await temporaryDirectory()
    const taken = path.join(directory, 'taken')
    await mkdir(path.join(taken, 'inside'), { recursive: true })
    await expect(writeFileAtomic(taken, bytes('x'))).rejects.toMatchObject({ syscall: 'rename' })
    await expect(
      writeFileAtomic(path.join(directory, 'no', 'x'), bytes('x')),
    ).rejects.toMatchObject({
      code: 'ENOENT',
    })
    expect(await readdir(directory)).toEqual(['taken'])
  })
})
