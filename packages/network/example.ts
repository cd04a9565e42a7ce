import { createNodeKey } from '@vudo/identity'
