import { describe, expect, it } from 'vitest'
import { VudoError } from '@vudo/transport'
import { describeError, shellWord, shownText } from '../src/output.ts'

describe('shownText', () => {
  it.each([
    ['clipboard', '\u001b]52;c;ZXZpbA==\u0007'],
    ['clear screen', '\u001b[2J'],
    ['title', '\u001b]0;evil\u0007'],
    ['link', '\u001b]8;;http://evil.test\u0007click\u001b]8;;\u0007'],
    ['8-bit escape', '\u009b31m'],
    ['direction', 'user\u202etxt.exe'],
    ['new line', 'name\nfalse log line'],
  ])('takes the teeth out of %s', (_, text) => {
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    expect(shownText(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
  })

  it('leaves ordinary text alone, and cuts long ones', () => {
    expect(shownText('Grüße, 世界 👋')).toBe('Grüße, 世界 👋')
    expect(shownText('x'.repeat(1_000))).toHaveLength(256)
  })
})

describe('describeError', () => {
  it('gives code, hint and link, and no stack', () => {
    const error = new VudoError('ERR_EXAMPLE', 'it broke', { hint: 'mend it' })
    expect(describeError(error)).toEqual([
      'vudo: ERR_EXAMPLE: it broke',
      '  hint: mend it',
      '  docs: docs/errors.md#err_example',
    ])
    expect(describeError(new Error('plain'))).toEqual(['vudo: plain'])
  })
})

describe('shellWord', () => {
  it('can be pasted into a shell, whatever is in it', () => {
    expect(shellWord('/home/a-b/c.d')).toBe('/home/a-b/c.d')
    expect(shellWord("it's $HOME")).toBe("'it'\\''s $HOME'")
  })
})
