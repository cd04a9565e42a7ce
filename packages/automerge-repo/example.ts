import { packageName } from '@vudo/automerge-repo'

console.log(packageName)
