/** The protocol of our links. A later version gets another name, and both can be spoken side by side. */
export const linkProtocol = '/vudo/link/1'
