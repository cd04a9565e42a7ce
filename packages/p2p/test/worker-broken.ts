/** A module that cannot be loaded: worker.test.ts. */
throw new Error('the module is broken')
