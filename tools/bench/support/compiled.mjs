/**
 * Loaded with `--import`: our packages run as they are published, from `dist` and not from the
 * sources. The part of Node that strips types would otherwise stay in the heap, 4 MB that the
 * collector walks again and again and that no user has.
 */
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const source = /^(file:.*\/packages\/[^/]+)\/src\/(.*)\.ts$/.exec(resolved.url)
    if (source === null) return resolved
    return { ...resolved, url: `${source[1]}/dist/${source[2]}.js`, format: 'module' }
  },
})
