import { packageName } from '@vudo/willow'

console.log(packageName)
