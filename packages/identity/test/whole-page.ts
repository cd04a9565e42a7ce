export * from '@vudo/identity'
