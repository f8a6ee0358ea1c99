/** Texts as people write them to listings and tickets: from a word to a few sentences. */
export const texts = [
  'a cup of coffee with milk foam on a wooden table',
  'cat',
  'Astronaut in an orange suit in front of a flag and a model of the space shuttle, official portrait',
  'rocket on the launch pad at night',
  'The handle came off after two days. I have tried to glue it, but it does not hold. Please send a new one.',
  'vintage mug, never used, with saucer; pick up only',
  'my kitten looks at the camera',
  'Second-hand, some scratches on the back, works as it should. The box and the papers are included. No returns.',
  'launch tower, floodlights, clouds',
  'breakfast at the station',
  'grey tabby, green eyes, four months old, looking for a home with a garden and other cats',
  'invoice attached, the second page is missing',
  'It stops after ten minutes, then the red light blinks three times. What does that mean?',
  'portrait of a woman smiling',
  'spoon, cup, table',
  'Space flight in the nineties: a poster from the exhibition, slightly faded, 60 by 80 centimetres, with frame',
];
