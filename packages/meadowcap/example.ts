import { createPath } from '@vudo/meadowcap'

console.log(createPath(['blog', 'idea']).toString())
