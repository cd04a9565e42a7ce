import { packageName } from '@vudo/meadowcap'

console.log(packageName)
