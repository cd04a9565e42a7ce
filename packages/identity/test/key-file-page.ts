export { readKeyFile } from '@vudo/identity/key-file'
