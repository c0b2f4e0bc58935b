"""Files of images and sound: in folders, in archives, in memory."""
