import { packageName } from '@vudo/keepsync'

console.log(packageName)
