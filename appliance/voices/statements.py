"""What a person reads aloud to give consent: a statement in their language, and words that nobody could know before."""

import secrets

PHRASE_WORDS = 5
"""Of 64 each: one in 900 million. A recording of an earlier ceremony, or one cut together in advance, does not fit."""
FALLBACK = "en"

_STATEMENTS = {
    "en": "My name is {subject}. I agree that my voice is recorded and kept, and that it speaks translations of my "
    "messages. The purpose is: {purpose}. I can take this consent back at any time, and then my recordings and my "
    "voice are erased. My words for today are: {phrase}.",
    "fr": "Je m'appelle {subject}. J'accepte que ma voix soit enregistrée et conservée, et qu'elle prononce les "
    "traductions de mes messages. Le but est : {purpose}. Je peux retirer cet accord à tout moment, et mes "
    "enregistrements et ma voix sont alors effacés. Mes mots du jour sont : {phrase}.",
    "es": "Me llamo {subject}. Acepto que mi voz sea grabada y guardada, y que pronuncie las traducciones de mis "
    "mensajes. El propósito es: {purpose}. Puedo retirar este permiso en cualquier momento, y entonces mis "
    "grabaciones y mi voz se borran. Mis palabras de hoy son: {phrase}.",
}

# Everyday nouns of two syllables or more, without homophones and without two that sound alike.
_WORDS = {
    "en": "orange river window garden yellow doctor monkey pencil coffee butter mountain paper summer winter kitchen "
    "village picture music tiger elephant banana tomato potato umbrella hospital library station market castle "
    "island ocean planet guitar piano camera candle carpet chicken dragon engine family finger forest hammer "
    "jacket ladder lemon machine magnet medicine morning mirror needle number pocket rabbit sandwich shoulder "
    "silver teacher ticket tunnel uncle wizard",
    "fr": "orange rivière fenêtre jardin lapin docteur crayon beurre montagne papier cuisine village musique tigre "
    "éléphant banane tomate parapluie hôpital marché château océan planète guitare piano caméra poulet dragon "
    "moteur famille forêt marteau échelle citron machine aimant miroir aiguille numéro poche épaule argent "
    "billet tunnel oncle chocolat fromage voiture bateau avion maison jambon salade bouteille cuillère chemise "
    "pantalon soleil nuage cheval mouton canard abeille bibliothèque",
    "es": "naranja ventana jardín conejo doctor lápiz montaña papel cocina pueblo música tigre elefante plátano tomate "
    "paraguas hospital mercado castillo océano planeta guitarra piano cámara pollo dragón motor familia bosque "
    "martillo escalera limón máquina espejo aguja número hombro plata billete túnel chocolate mantequilla coche "
    "barco maleta camisa zapato cuchara botella ensalada caballo oveja pato abeja biblioteca escuela iglesia "
    "puente semana domingo verano invierno sombrero medicina",
}
WORDS = {language: tuple(words.split()) for language, words in _WORDS.items()}


def statement_language(asked: str) -> str:
    """Return the language that a statement for this one is given in: its own, or English where there is none."""
    base = asked.split("-")[0]
    return base if base in _STATEMENTS else FALLBACK


def new_phrase(language: str) -> str:
    """Return five different words of a statement's language that nobody can foresee."""
    return " ".join(secrets.SystemRandom().sample(WORDS[language], PHRASE_WORDS))


def statement(language: str, *, subject: str, purpose: str, phrase: str) -> str:
    """Return the whole text to read aloud, in a language that `statement_language` gave."""
    given = {"subject": subject.strip().rstrip("."), "purpose": purpose.strip().rstrip("."), "phrase": phrase}
    # Not str.format on the result: what users write may hold braces.
    return _STATEMENTS[language].format(**given)
