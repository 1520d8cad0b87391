"""A software CPS3: an IAS-ECC card in its own process, plugged into the virtual reader vpcd.

Its own process, because a PKCS#11 module may hold the interpreter's lock while it waits for the card.
"""
